"""Generator family `vae`: a conditional variational autoencoder with a Gaussian prior for each condition."""
