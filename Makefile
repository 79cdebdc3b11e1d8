# A thin alias of run.py, for those who type make.
.PHONY: run test lint bench

run:
	python3 run.py

test lint bench:
	python3 run.py $@
