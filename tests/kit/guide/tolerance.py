import numpy as np

case, mine = np.load("case.npz"), np.load("mine.npz")
for name in mine:
    right = (mine[name] == case[name]) | (abs(mine[name] - case[name]) <= case[name + ".tolerance"])
    print(name, "is right" if right.all() else f"is wrong in {(~right).sum()} of {right.size} elements")
