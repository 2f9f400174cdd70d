"""What residual human reads tell about their donor, in bits."""
