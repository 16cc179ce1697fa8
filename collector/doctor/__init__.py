"""The doctor: looks at everything that the collector stands on, and names what is wrong with its cure."""

from collector.doctor.around import Around
from collector.doctor.broker import usual_configuration
from collector.doctor.examine import examine
from collector.doctor.finding import LANGUAGES, Entry, Finding, Grade, catalogue, labels

__all__ = ["LANGUAGES", "Around", "Entry", "Finding", "Grade", "catalogue", "examine", "labels", "usual_configuration"]
