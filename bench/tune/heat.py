"""The picture of tiles: share of the peak by queries (Br) and keys (Bc) of a tile, and where the caches end."""

import itertools

import matplotlib
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

import costs
import model
from outcome import Nothing
from shape import Shape
from style import BLACK, RED, figure, percent, plain


class Grid:
    """The tiles of a case by rows and columns: the best share over the other axes, and the model's costs of that."""

    def __init__(self, outcome, line, cache):
        self.shape, self.machine = Shape(outcome.case(line)), outcome.machine
        self.shares, self.costs = {}, {}
        numbers = outcome.rows.get((line, cache), {})
        for name in [each["name"] for each in outcome.known[line]["candidates"]]:
            tile = self.tile(name)
            if tile is None:
                continue
            place, share = (tile.rows, tile.columns), numbers.get(name, {}).get("median_share", 0)
            if place not in self.costs or share > self.shares.get(place, 0):
                self.costs[place] = costs.Costs(self.shape, self.machine, tile)
            if share > self.shares.get(place, 0):
                self.shares[place] = share
        if len(self.shares) < 2:
            raise Nothing("fewer than two tiles were measured")
        self.rows = sorted({rows for rows, _ in self.costs})
        self.columns = sorted({columns for _, columns in self.costs})
        self.best = max(self.shares, key=self.shares.get)
        built_in = self.tile("builtin")
        self.built_in = (built_in.rows, built_in.columns) if built_in and "builtin" in numbers else None

    def tile(self, name):
        chosen = None if name.startswith("split/") else model.choice(self.shape, name)
        return chosen if isinstance(chosen, costs.Tile) else None

    def places(self):
        for (y, rows), (x, columns) in itertools.product(enumerate(self.rows), enumerate(self.columns)):
            if (rows, columns) in self.costs:
                yield x, y, (rows, columns)


def draw_cells(axes, grid):
    low, high = min(grid.shares.values()), max(grid.shares.values())
    paint = matplotlib.colormaps["cividis"]
    for x, y, place in grid.places():
        share = grid.shares.get(place)
        if share is None:
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#eeeeee", edgecolor="white"))
            axes.text(x, y, "not\ntimed", ha="center", va="center", fontsize=7, color="#555555")
            continue
        warmth = (share - low) / (high - low) if high > low else 1
        ink = "black" if warmth > 0.45 else "white"
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=paint(warmth), edgecolor="white"))
        axes.text(x, y + 0.08, percent(share), ha="center", va="center", color=ink, fontsize=11, weight="bold")
        axes.text(x, y - 0.25, model.size(grid.costs[place].tile_bytes()), ha="center", va="center", color=ink,
                  fontsize=7)


def draw_limit(axes, fits, style):
    """A line between neighbors of which one fits into a cache and the other does not.  -> was there any?"""
    found = False
    for (x, y), inside in fits.items():
        for across, up in ((1, 0), (0, 1)):
            if fits.get((x + across, y + up), inside) != inside:
                found = True
                xs, ys = ([x + 0.5] * 2, [y - 0.5, y + 0.5]) if across else ([x - 0.5, x + 0.5], [y + 0.5] * 2)
                axes.add_line(Line2D(xs, ys, color=RED, linewidth=3, linestyle=style, zorder=4))
    return found


def draw_limits(axes, grid):
    """-> what the legend says of each cache"""
    sizes = grid.machine.sizes
    caches = [("L1", sizes["l1d"], "strip_bytes", "micro-kernel's strip", ":"),
              ("L2", sizes["l2"], "tile_bytes", "tiles", "-"),
              ("share of L3", sizes["l3"] / grid.machine.cpus, "tile_bytes", "tiles", "--")]
    legend = []
    for label, room, bytes_of, what, style in caches:
        fits = {(x, y): getattr(grid.costs[place], bytes_of)() <= room for x, y, place in grid.places()}
        drawn = draw_limit(axes, fits, style)
        says = "ends at the line" if drawn else "always fits" if all(fits.values()) else "never fits"
        legend.append(Line2D([], [], color=RED if drawn else "none", linewidth=2.5, linestyle=style,
                             label=f"{what} and {label} ({model.size(room)}): {says}"))
    return legend


def draw_mark(axes, grid, place, style, inset):
    x, y = grid.columns.index(place[1]) - 0.5 + inset, grid.rows.index(place[0]) - 0.5 + inset
    for color, width, line in (("white", 4, "-"), (BLACK, 2, style)):
        axes.add_patch(Rectangle((x, y), 1 - 2 * inset, 1 - 2 * inset, fill=False, edgecolor=color, linewidth=width,
                                 linestyle=line, zorder=5))


def finding(grid):
    best, built_in = (f"{rows} x {columns}" for rows, columns in (grid.best, grid.built_in or grid.best))
    said = f"best {best}: {percent(grid.shares[grid.best])} % of the peak"
    if best == built_in:
        return said + (", as built in" if grid.built_in else "")
    return f"{said}, built-in {built_in}: {percent(grid.shares[grid.built_in])} %"


def heat_map(outcome, line, cache="warm"):
    grid = Grid(outcome, line, cache)
    drawn, axes = figure(max(6.4, 0.95 * len(grid.columns) + 1), 0.8 * len(grid.rows) + 2.2)
    draw_cells(axes, grid)
    legend = draw_limits(axes, grid)
    for place, style, label, inset in ((grid.best, "-", "best", 0.04), (grid.built_in, ":", "built-in choice", 0.1)):
        if place is not None:
            draw_mark(axes, grid, place, style, inset)
            legend.append(Patch(fill=False, edgecolor=BLACK, linestyle=style, linewidth=2, label=label))
    axes.set_xlim(-0.5, len(grid.columns) - 0.5)
    axes.set_ylim(-0.5, len(grid.rows) - 0.5)
    axes.set_xticks(range(len(grid.columns)), grid.columns)
    axes.set_yticks(range(len(grid.rows)), grid.rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("keys of a tile (Bc)")
    axes.set_ylabel("queries of a tile (Br)")
    axes.set_title(f"{plain(outcome.title(line))}, {plain(cache)}\n{finding(grid)}")
    below = -0.34 if len(grid.rows) < 3 else -0.22
    axes.legend(handles=legend, loc="upper left", bbox_to_anchor=(-0.02, below), ncol=2)
    return drawn
