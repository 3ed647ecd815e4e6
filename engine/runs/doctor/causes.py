"""Names of what ends a training: a worker writes them beside its words (`Failed.cause`), and the doctor reads them."""

NOT_A_NUMBER = "loss_not_a_number"
DIVERGED = "diverged"
ZERO_LOSS = "zero_loss"
NO_GRADIENT = "no_gradient"
ALL_ALIKE = "answers_alike"
