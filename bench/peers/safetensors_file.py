"""Read and write safetensors files with NumPy alone: golden cases, checkpoints of Primal and of replay.py."""

import json
import struct

import numpy


def read_safetensors(path):
    """(metadata, {name: numpy array}) of one file."""
    data = path.read_bytes()
    (header_bytes,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + header_bytes])
    metadata = header.pop("__metadata__", {})
    dtypes = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "u1"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + header_bytes + offset for offset in entry["data_offsets"])
        tensors[name] = (
            numpy.frombuffer(data[begin:end], dtypes[entry["dtype"]]).reshape(entry["shape"]).copy()
        )
    return metadata, tensors


def write_safetensors(path, metadata, tensors):
    """Widest element type first, so that every tensor starts at a multiple of its element size."""
    kinds = {numpy.dtype("<f4"): "F32", numpy.dtype("<i8"): "I64"}
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize):
        blob = array.tobytes()
        span = [offset, offset + len(blob)]
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape), "data_offsets": span}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
