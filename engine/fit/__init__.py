"""What a training takes: memory, time and disk, estimated or measured. Numbers in, numbers out."""
