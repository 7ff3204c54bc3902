"""The parts of the AtlasTumorSynth module: widget above, logic below, never the other way round."""
