"""Pictures: reading them safely, storing them in shards, drawing procedural eyes, altering them."""
