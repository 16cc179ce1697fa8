"""What was decided, and whom it concerns: fleet, conditions, transitions, incidents, notifications, people (SQL)."""
