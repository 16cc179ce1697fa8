"""REST, event stream and console; reads ledger and readings, asks the collector by deeds."""
