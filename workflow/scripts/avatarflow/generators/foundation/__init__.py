"""Generator family `foundation`: a pre-trained diffusers folder, fine-tuned fully or by LoRA."""
