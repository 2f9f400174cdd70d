"""Generator family `pca_gaussian`: a Gaussian in the principal components of the pictures of each condition."""
