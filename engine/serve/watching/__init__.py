"""Whether what is ready still answers: servers of the studio, which are ended and started again, and outside ones."""
