#!/usr/bin/env python3
"""scripts/check_kernels.py with a cuobjdump that prints made-up kernels: each broken bound is named, and nothing else."""

import importlib.util
import pathlib
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("check_kernels", ROOT / "scripts/check_kernels.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)

CUOBJDUMP = """#!/bin/sh
if [ "$1" = -res-usage ]; then
  echo ' Function _ZN6primal4cuda10add_kernelILi2EEEvPf: REG:40 STACK:0 SHARED:1280 LOCAL:0 CONSTANT[0]:560'
  echo ' Function _ZN6primal4cuda14product_kernelEPf: REG:90 STACK:0 SHARED:0 LOCAL:0 CONSTANT[0]:560'
  echo ' Function _ZN6primal4cuda12spill_kernelEPf: REG:255 STACK:96 SHARED:0 LOCAL:0 CONSTANT[0]:560'
else
  echo '    Function : _ZN6primal4cuda10add_kernelILi2EEEvPf'
  echo '        /*0000*/                   LDG.E.CONSTANT R2, [R2] ;'
  echo '        /*0010*/              @!P0 FFMA R2, R2, R3, R4 ;'
  echo '        /*0020*/                   NOP;'
  echo '    Function : _ZN6primal4cuda14product_kernelEPf'
  echo '        /*0000*/                   LDG.E R2, [R2] ;'
  echo '        /*0010*/                   LDS R3, [R4] ;                            /* 0x00000a00ff017b82 */'
  echo '        /*0020*/                   HMMA.1688.F32.TF32 R8, R4, R2, R8 ;       /* 0x0000004a3058723c */'
  echo '        /*0030*/                   LDS R3, [R4] ;'
  echo '        /*0040*/              @!P0 BRA 0x10 ;                                /* 0xfffffff400608947 */'
  echo '        /*0050*/              @!P0 BRA 0x0 ;'
  echo '        /*0060*/                   EXIT ;'
  echo '    Function : _ZN6primal4cuda12spill_kernelEPf'
  echo '        /*0000*/                   STL [R1], R0 ;'
fi
"""


class CheckKernels(unittest.TestCase):
    def wrong(self, *bounds):
        with tempfile.TemporaryDirectory() as folder:
            tool = pathlib.Path(folder) / "cuobjdump"
            tool.write_text(CUOBJDUMP)
            tool.chmod(0o755)
            source = pathlib.Path(folder) / "some.cu"
            source.write_text("".join(f"// Bounds: {bound}\n" for bound in bounds))
            script.ROOT = pathlib.Path(folder)
            self.kernels = script.kernels_of(str(tool), pathlib.Path("some.cu.o"), source, "sm_90")
            return script.check(self.kernels, [source])

    def test_reads_names_usage_and_instructions(self):
        self.wrong()
        add, product, spill = self.kernels
        self.assertEqual((product.count("HMMA"), product.inner_tensor_share(), add.inner_tensor_share()), (1, 0.25, None))
        self.assertEqual((add.name, add.registers, add.shared, add.local), ("add_kernel<2>", 40, 1280, 0))
        self.assertEqual((spill.name, spill.registers, spill.local), ("spill_kernel", 255, 96))
        self.assertEqual((add.count("FFMA"), add.read_only_loads(), add.count("NOP")), (1, 1, 1))

    def test_reads_a_bound_of_two_lines(self):
        split = "add_kernel<2>\n//         {} registers, 1280 bytes of shared memory, no local memory"
        spill = "spill_kernel 255 registers, 0 bytes of shared memory, local memory"
        self.assertEqual(self.wrong(split.format(40), spill), [])
        self.assertEqual(len(self.wrong(split.format(39), spill)), 1)

    def test_accepts_what_keeps_to_its_bounds(self):
        spill = "spill_kernel 255 registers, 0 bytes of shared memory, local memory"
        self.assertEqual(self.wrong("add_kernel<2> 40 registers, 1280 bytes of shared memory, no local memory", spill), [])

    def test_names_each_broken_bound(self):
        shared = "bytes of shared memory"
        wrong = self.wrong(
            f"add_kernel<2> 39 registers, 1279 {shared}, no local memory, no read-only loads",
            f"spill_kernel 255 registers, 0 {shared}, no local memory",
            f"gone_kernel 10 registers, 0 {shared}, no local memory",
        )
        self.assertEqual(
            wrong,
            [
                "some.cu: add_kernel<2> takes 40 registers, at most 39 are stated",
                "some.cu: add_kernel<2> takes 1280 bytes of shared memory, at most 1279 are stated",
                "some.cu: add_kernel<2> has 1 loads through the read-only cache, stated are none",
                "some.cu: spill_kernel takes 96 bytes of local memory, stated are none",
                "some.cu: bounds of gone_kernel, which is not there; there are add_kernel<2>, product_kernel, spill_kernel",
            ],
        )

    def test_share_of_tensor_cores_in_the_innermost_loop(self):
        spill = "spill_kernel 255 registers, 0 bytes of shared memory, local memory"
        usage = "registers, 0 bytes of shared memory, no local memory"
        self.assertEqual(self.wrong(f"product_kernel 90 {usage}, 25% of the inner loop on tensor cores", spill), [])
        self.assertEqual(
            self.wrong(
                f"product_kernel 90 {usage}, 26% of the inner loop on tensor cores",
                "add_kernel<2> 40 registers, 1280 bytes of shared memory, no local memory, 1% of the inner loop on tensor cores",
                spill,
            ),
            [
                "some.cu: product_kernel has 25.0% on tensor cores in its inner loop, at least 26% are stated",
                "some.cu: add_kernel<2> has no such loop on tensor cores in its inner loop, at least 1% are stated",
            ],
        )

    def test_local_memory_has_to_be_stated(self):
        self.assertEqual(self.wrong(), ["some.cu: spill_kernel takes 96 bytes of local memory and states no bounds"])


if __name__ == "__main__":
    unittest.main()
