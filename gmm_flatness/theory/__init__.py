"""The calculations, one file each; nothing here sees the simulator."""
