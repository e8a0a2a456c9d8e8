"""What every part of Recoup shares: its settings, its list of processes, its command line."""
