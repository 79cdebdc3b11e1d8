"""How long the first person waits: from the moment the server answers until the first map, and until all of them.

Each round starts a new server, as `python3 run.py` does, and a new browser without a cache. The target is 5 seconds.
"""

import argparse
import statistics
import time

from benchmarks._visiting import chromium, served, settle, visitor

TARGET_S = 5.0
MAPS = "img[alt*='Grad-CAM']"


def one_round() -> tuple[float, float, float]:
    """Seconds until the server answered, then until the first map was seen, and until the page was at rest."""
    with chromium() as browser:
        page = visitor(browser)
        with served() as server:
            up = time.monotonic()
            page.goto(server.address)
            page.locator(MAPS).first.wait_for()
            first = time.monotonic()
            settle(page)
            return server.seconds_to_start, first - up, time.monotonic() - up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = [one_round() for _ in range(parser.parse_args().rounds)]
    starts, firsts, rests = zip(*rounds, strict=True)
    print(f"server answers after   {statistics.median(starts):5.1f} s")
    print(f"first map after that   {statistics.median(firsts):5.1f} s   (target: under {TARGET_S:g} s)")
    print(f"page at rest           {statistics.median(rests):5.1f} s")


if __name__ == "__main__":
    main()
