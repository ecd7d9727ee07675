"""The life of a payment after its order: the register beside the closed months (RULES.md §10).

`register` reads and appends lines, `facts` types them, `state` replays them, `orders` writes the bank's files,
`matching` reads the bank's answers, `actions` is what people do, `catching_up` completes what a kill interrupted.
"""
