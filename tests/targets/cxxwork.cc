// SPDX-License-Identifier: GPL-2.0-only
// C++ for tests of names: a template in a namespace, with a function inlined into it.
namespace grids {

template <typename T> struct Grid {
	T cells[256];
	__attribute__((always_inline)) inline T around(int i) const
	{
		return (cells[(i + 1) & 255] + cells[(i - 1) & 255]) / 2;
	}
	__attribute__((noinline)) T relax(int rounds);
};

template <typename T> T Grid<T>::relax(int rounds)
{
	T sum = 0;

	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < 256; i++)
			sum += cells[i] = around(i);
	return sum;
}

Grid<double> grid;

} // namespace grids

extern "C" double relax(int rounds)
{
	grids::grid.cells[7] += 1;
	return grids::grid.relax(rounds) + 1;
}
