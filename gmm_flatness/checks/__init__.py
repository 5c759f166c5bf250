"""Theory against simulation, for a verdict: cases, statistics, report and the command `gmm-flatness check`."""
