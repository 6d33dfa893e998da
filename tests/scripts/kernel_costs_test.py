#!/usr/bin/env python3
"""bench/kernel_costs.py on made-up code: what it counts, and that a table that is no longer true is found."""

import importlib.util
import pathlib
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("kernel_costs", ROOT / "bench/kernel_costs.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def code(*texts):
    return [(16 * i, text) for i, text in enumerate(texts)]


# Two reads and a write in a loop, a division by a subroutine at 0x90, padding.
LOOP = code("S2R R0, SR_TID.X", "@P0 EXIT", "LDG.E R2, [R2]", "LDG.E R3, [R4]", "CALL.REL.NOINC 0x90", "STG.E [R6], R2", "@!P1 BRA 0x20", "EXIT",
            "NOP", "MUFU.RCP R1, R2", "RET.REL.NODEC R4 0x0")


class Objects:
    def kernel(self, source, name):
        return LOOP


class KernelCosts(unittest.TestCase):
    def test_subroutines_and_padding_are_not_counted(self):
        self.assertEqual(len(script.main_code(LOOP)), 8)
        self.assertEqual(len(script.main_code(LOOP[:4])), 4)

    def test_a_thread_kernel_has_its_code_and_its_longest_loop_that_reads(self):
        self.assertEqual(script.thread_row(Objects(), "launch", "file", "kernel"), ("launch", "thread", 0, 8, 5, 2, 0, 0))

    def test_the_committed_table_is_read_whole(self):
        table = script.read_table()
        self.assertGreater(len(table), 50)
        self.assertEqual(set(name for name, _, _ in script.THREADS) - set(table), set())
        self.assertEqual(table["adam_step"][0], "thread")

    def test_what_it_writes_it_reads_back(self):
        rows = [("a", "thread", 0, 8, 5, 2, 0, 0), ("k<1, true>", "iteration", 51.5, 1130, 0, 0, 0, 0)]
        with tempfile.TemporaryDirectory() as folder:
            before, script.TABLE = script.TABLE, pathlib.Path(folder) / "table.h"
            script.TABLE.write_text(script.text_of(rows))
            self.assertEqual(script.differences(rows, script.read_table()), [])
            script.TABLE = before

    def test_each_difference_is_named(self):
        rows = [("a", "thread", 0, 100, 5, 2, 0, 0), ("b", "thread", 0, 8, 0, 0, 0, 0)]
        table = {"a": ("thread", 0.0, 94.0, 5.0, 2.0, 0.0, 0.0), "c": ("thread",) + 6 * (0.0,)}
        wrong = script.differences(rows, table)
        self.assertEqual(len(wrong), 3)
        self.assertTrue(any(w.startswith("a: ") for w in wrong))
        self.assertIn("c is in the table and not in the build", wrong)
        self.assertIn("b is in the build and not in the table", wrong)

    def test_another_compiler_may_differ_a_little(self):
        rows = [("a", "thread", 0, 100, 5, 2, 0, 0)]
        self.assertEqual(script.differences(rows, {"a": ("thread", 0.0, 98.0, 5.0, 2.0, 0.0, 0.0)}), [])


if __name__ == "__main__":
    unittest.main()
