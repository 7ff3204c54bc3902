"""From a scan to organs and tumors: preparing, the network's pass, labels, clean-up, findings."""
