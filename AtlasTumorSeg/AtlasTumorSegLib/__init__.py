"""The parts of the AtlasTumorSeg module: widget above, logic below, never the other way round."""
