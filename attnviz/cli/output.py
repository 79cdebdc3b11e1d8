"""Figures to files, as the options say, and what was written."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from attnviz.cli import asked
from attnviz.cli import left_out as left_out_words
from attnviz.cli.telling import Bar, in_words, print_json, print_table
from attnviz.errors import ValueRangeError
from attnviz.export import FigureSource, HasRows, bundle
from attnviz.export.bundle import check_bundle
from attnviz.export.slides import check_template


def check_output(options: argparse.Namespace) -> None:
    """Refuse what cannot be written before anything is computed.

    Raises:
        ValueRangeError: the target exists and may not be replaced, its folder does not exist, the resolution is out of
            range, or the template cannot be used.
        NotFoundError: a format is unknown.
        AssetError: nothing can be written there.
    """
    if options.out is None:
        if options.zip or options.pptx or options.with_picture or options.force or options.template:
            raise ValueRangeError("--out must be given for files; got none. Add --out DIR.")
        return
    asked.formats_of(options.format)
    if not 50 <= options.dpi <= 600:
        raise ValueRangeError(f"--dpi must be in 50..600; got {options.dpi}. A slide needs 150 to 300.")
    target = target_of(options)
    if target.exists() and not options.force:
        raise ValueRangeError(f"--out must be new; got {target}, which exists. Choose another name, or add --force.")
    if not target.absolute().parent.is_dir():
        raise ValueRangeError(f"the folder of --out must exist; got {target.parent}. Make it first.")
    check_bundle(target, options.force)
    if options.template is not None:
        if not options.pptx:
            raise ValueRangeError("--template must go with --pptx, whose slides it is for; got no --pptx. Add it.")
        check_template(options.template)


def target_of(options: argparse.Namespace) -> Path:
    """The folder or the ZIP file that is written.

    Raises:
        ValueRangeError: it has no name, as "." and "/".
    """
    out = Path(options.out)
    if not out.name:
        raise ValueRangeError(f"--out must name a new folder; got {str(out)!r}, which is one already. Add a name.")
    if options.zip and out.suffix.lower() != ".zip":
        return out.with_name(f"{out.name}.zip")
    return out


def print_figures(
    figures: Mapping[str, FigureSource], written: Path | None, as_json: bool, left_out: Mapping[str, str]
) -> None:
    """Print what figures found: their titles and numbers, where they were written, and which networks are not in them.

    Args:
        figures: by name.
        written: the folder or file; None where nothing was written.
        as_json: for a program.
        left_out: by the network's title, why it was not asked.
    """
    left_out_words.tell(left_out)
    if as_json:
        told = [
            {"name": name, "title": one.title, "rows": one.rows() if isinstance(one, HasRows) else [], "alt": one.alt}
            for name, one in figures.items()
        ]
        where = None if written is None else str(written)
        print_json({"out": where, "figures": told, "left_out": left_out})
        return
    for one in figures.values():
        print(one.title)
        if isinstance(one, HasRows):
            print_table([{key: in_words(value) for key, value in row.items()} for row in one.rows()])
        print()
    if written is not None:
        print(written)


def write(figures: Mapping[str, FigureSource], options: argparse.Namespace, bar: Bar) -> Path:
    """Write the bundle that the options ask for.

    Raises:
        AttnvizError: it cannot be written; nothing is left then.
    """
    bar(1.0, "writing the files")
    return bundle(
        figures,
        target_of(options),
        formats=asked.formats_of(options.format),
        dpi=options.dpi,
        with_picture=options.with_picture,
        with_talk=options.pptx,
        template=options.template,
        overwrite=options.force,
    )
