"""Generator family `diffusion`: a conditional denoising network trained from scratch or from a base."""
