"""What a person names by one short text, such as `run:ID`: found, or said what there is instead."""
