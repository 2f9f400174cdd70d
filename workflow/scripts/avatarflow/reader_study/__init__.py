"""Reader studies: what people see in real and synthetic pictures, asked without telling them which is which."""
