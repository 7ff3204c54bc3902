"""Training the embedded network on the digital phantom.

`python -m atlastumor.training` does it all: it makes a pool of anatomies, renders a new CT from one
of them at every step, and writes safetensors and a model card. Nothing here sees a real patient.
"""
