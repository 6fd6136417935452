"""What a notebook runs as a whole: Algorithm 1 (`alternation`) and the variants of propagation,
fine-tuning on SFEW and CK+ (`finetuning`, `plain_networks`), the relation networks of Table 11
(`relation`, `movie`, `cases`), and what results depend on (`sensitivity`, `scale`).

`networks` builds, trains and loads the networks of a profile. May import every package but
`figures`.
"""
