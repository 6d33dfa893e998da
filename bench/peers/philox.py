"""Primal's random numbers in NumPy, from the description in tensor/random.h: Philox4x32-10, keyed by purpose.

    key      = the seed, mixed with the purpose of the stream
    counter  = (element / 4, epoch, sample): one call gives four 32-bit words, the elements 4 i .. 4 i + 3

Below them is what a training run of Primal draws: initial_weights, epoch_order, noise_level, add_noise, dropout_mask.
"""

import numpy

PURPOSES = {"initialisation": 1, "shuffle": 2, "noise_level": 3, "noise": 4, "dropout": 8}
VALIDATION_EPOCH = 2**32 - 1  # validation draws its noise in an epoch that training never reaches


def mixed(v):
    """The finaliser of splitmix64."""
    mask = 2**64 - 1
    v = (v + 0x9E3779B97F4A7C15) & mask
    v = ((v ^ (v >> 30)) * 0xBF58476D1CE4E5B9) & mask
    v = ((v ^ (v >> 27)) * 0x94D049BB133111EB) & mask
    return v ^ (v >> 31)


def philox4x32(counter, key):
    """Ten rounds on counters uint32 [4,n] with a key of two words; returns words uint32 [4,n]."""
    c0, c1, c2, c3 = (c.astype(numpy.uint64) for c in counter)
    k0, k1 = key
    low, half = numpy.uint64(0xFFFFFFFF), numpy.uint64(32)
    for _ in range(10):
        product0, product1 = numpy.uint64(0xD2511F53) * c0, numpy.uint64(0xCD9E8D57) * c2
        c0, c1 = (product1 >> half) ^ c1 ^ numpy.uint64(k0), product1 & low
        c2, c3 = (product0 >> half) ^ c3 ^ numpy.uint64(k1), product0 & low
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return numpy.stack([c0, c1, c2, c3]).astype(numpy.uint32)


def words(n, seed, purpose, epoch=0, sample=0, first=0):
    """n words of a stream, from element `first` on, a multiple of 4."""
    key = mixed(seed ^ mixed(PURPOSES[purpose]))
    index = numpy.arange((n + 3) // 4, dtype=numpy.uint64) + numpy.uint64(first // 4)
    counter = [index & numpy.uint64(0xFFFFFFFF), index >> numpy.uint64(32)]
    counter += [numpy.full_like(index, epoch), numpy.full_like(index, sample)]
    return philox4x32(numpy.stack(counter), (key & 0xFFFFFFFF, key >> 32)).T.ravel()[:n]


def uniform(n, *stream, **where):
    """In [0, 1), 32 bits each."""
    return words(n, *stream, **where) * 2.0**-32


def normal(n, *stream, **where):
    """Box-Muller: the words 2 i and 2 i + 1 give the elements 2 i (cosine) and 2 i + 1 (sine)."""
    pairs = words((n + 3) // 4 * 4, *stream, **where).reshape(-1, 2).astype(numpy.float64)
    radius = numpy.sqrt(-2 * numpy.log((pairs[:, 0] + 0.5) * 2.0**-32))
    angle = 2 * numpy.pi * (pairs[:, 1] * 2.0**-32)
    return numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1).ravel()[:n]


def epoch_order(n, seed, epoch):
    """Fisher-Yates from the end; the word of a position, scaled to it, chooses its partner."""
    order = list(range(n))
    draws = words(n, seed, "shuffle", epoch=epoch)
    for i in range(n - 1, 0, -1):
        j = int(draws[i]) * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
    return order


def noise_level(low, high, seed, epoch, sample):
    return low + (high - low) * float(uniform(1, seed, "noise_level", epoch=epoch, sample=sample)[0])


def add_noise(clean, level, seed, epoch, sample):
    """z = x + s std(x) n, with the sample deviation; clean and z float32 of any shape."""
    n = (
        normal(clean.size, seed, "noise", epoch=epoch, sample=sample)
        .astype(numpy.float32)
        .reshape(clean.shape)
    )
    amplitude = level * clean.astype(numpy.float64).std(ddof=1)
    return (clean.astype(numpy.float64) + amplitude * n.astype(numpy.float64)).astype(numpy.float32)


def dropout_mask(n_rows, n_elements, p, seed, epoch, sample, layer):
    """Which elements of a layer are kept, [n_rows, n_elements]; `sample` is the first row's number."""
    rows = [
        uniform(n_elements, seed, "dropout", epoch=epoch, sample=(sample + row) % 2**32, first=layer << 40)
        for row in range(n_rows)
    ]
    return numpy.stack(rows) >= p


def initial_weights(named_shapes, seed):
    """{name: float32 array} for pairs (name, shape) in the order of the layers, each weight before its bias.

    Both are uniform in +-1/sqrt(inputs of one output); tensor i of the model is the stream of sample i.
    """
    weights, fan_in = {}, 1
    for i, (name, shape) in enumerate(named_shapes):
        if name.endswith("weight"):
            fan_in = int(numpy.prod(shape[1:]))
        bound = 1 / numpy.sqrt(float(fan_in))
        draw = uniform(int(numpy.prod(shape)), seed, "initialisation", sample=i)
        weights[name] = (-bound + (bound - -bound) * draw).astype(numpy.float32).reshape(shape)
    return weights
