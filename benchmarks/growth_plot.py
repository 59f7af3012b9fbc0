"""The plot of how cost grows (`benchmarks/growth.py`): an SVG of six panels. The same figures make the same file."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Table = dict[str, dict[str, float]]  # by size, then by column
Tables = dict[str, Table]  # by what grows

# What is drawn: title, what grows, the columns, the unit. Memory stands in the table alone.
PANELS = (
    ("A reading", "word pieces", ("reading, ms",), "milliseconds"),
    ("Two maps together", "word pieces", ("map, ms",), "milliseconds"),
    ("Maps of names together", "names", ("map, ms",), "milliseconds"),
    ("Wait for a reading", "users at once", ("reading, median, s", "reading, slowest, s"), "seconds"),
    ("Wait for the maps of a tweet", "users at once", ("map, median, s", "map, slowest, s"), "seconds"),
    ("A run of the tab Errors", "pairs in a run", ("run, s",), "seconds"),
)
# Colour, marker and kind of line of a panel's first and second line: they differ without colour, too.
STYLES = (("#1b4f9c", "o", "-"), ("#b3541e", "s", "--"))


def draw(tables: Tables, path: Path) -> None:
    """Write the plot to an SVG file, with its figures in words as the description."""
    figure = Figure(figsize=(9.6, 5.6), layout="constrained")
    for axes, (title, grows, columns, unit) in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
        _panel(axes, tables[grows], columns)
        axes.set(title=title, xlabel=grows, ylabel=unit)
    about = {"Title": "How cost grows", "Description": described(tables), "Date": None, "Creator": None}
    with rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none"}):  # ids that stay; text as text
        figure.savefig(path, format="svg", metadata=about)


def _panel(axes: Axes, table: Table, columns: tuple[str, ...]) -> None:
    sizes = [int(size) for size in table]
    for column, (color, marker, line) in zip(columns, STYLES, strict=False):
        values, name = [row[column] for row in table.values()], column.split(", ")[1]
        axes.plot(sizes, values, color=color, marker=marker, linestyle=line, markerfacecolor="white", label=name)
    axes.set_xticks(sizes)
    axes.tick_params(labelsize=8)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.1 * axes.dataLim.ymax)  # room above the highest marker
    axes.grid(color="#dddddd")
    if len(columns) > 1:
        axes.legend()


def described(tables: Tables) -> str:
    """All figures, in words."""
    rows = [(size, grows, row) for grows, table in tables.items() for size, row in table.items()]
    return " ".join(
        f"{grows}, {size}: {'; '.join(f'{column} {value:g}' for column, value in row.items())}."
        for size, grows, row in rows
    )
