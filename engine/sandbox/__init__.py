"""Code that a model or a person wrote, run where it can do no harm: one function, by the means of this machine."""
