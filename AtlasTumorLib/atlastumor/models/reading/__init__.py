"""Reading models that come from anywhere: as data, within bounds, and never as code."""
