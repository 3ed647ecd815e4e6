"""What a training needs: memory, time and disk, estimated or measured."""
