"""Tables with a row a trial, of which a learner needs several rows: their expansion before the roles of columns are found."""
