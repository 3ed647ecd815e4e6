"""The list of datasets: searched, filtered, sorted, a page at a time, with what can be done with the chosen ones."""
