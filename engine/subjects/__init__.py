"""What is named by a short text: `run:ID`, `run:ID@STEP`; found, or said what there is."""
