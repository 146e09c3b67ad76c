"""Response families: what is observed on a trial, its density and how it is drawn. One family a file."""
