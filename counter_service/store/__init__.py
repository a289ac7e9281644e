"""Where counts live: one Protocol (`base`) and one module for each backend. Only `__main__` chooses between them."""
