"""The parts of the AtlasFROC module: widget above, logic below, never the other way round."""
