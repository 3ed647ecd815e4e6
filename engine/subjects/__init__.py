"""What a short text such as `run:ID` names: found, or said what there is."""
