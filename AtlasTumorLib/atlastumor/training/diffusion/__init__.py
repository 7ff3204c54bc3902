"""Training the small diffusion model on tumors of the digital phantom.

`python -m atlastumor.training.diffusion` does it all: it cuts the tumors out of a pool of
anatomies, renders a new texture of one of them for every sample, and writes safetensors and a card.
Nothing here sees a real patient.
"""
