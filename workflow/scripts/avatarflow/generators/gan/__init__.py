"""Generator family `gan`: a conditional generative adversarial network with a relativistic loss."""
