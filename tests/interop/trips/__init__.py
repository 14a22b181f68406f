"""Round trips through other programs; tests/interop/run starts them."""
