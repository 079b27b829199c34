/* table.c - rows of columns that fit the terminal */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"

enum { GAP = 2, SHRUNK_MIN = 12 };

size_t
table_terminal(void)
{
	struct winsize w;

	if (isatty(STDOUT_FILENO) == 0)
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == -1 || w.ws_col == 0)
		return 80;
	return w.ws_col;
}

static void
get_cell(const struct table *t, size_t row, size_t column, char *dst)
{
	dst[0] = '\0';
	t->cell(t->arg, row, column, dst, TABLE_CELL_MAX);
}

static void
measure(const struct table *t, size_t *widths)
{
	char cell[TABLE_CELL_MAX];

	for (size_t c = 0; c < t->ncolumns; c++) {
		widths[c] = strlen(t->columns[c].title);
		for (size_t r = 0; r < t->nrows; r++) {
			size_t w;

			get_cell(t, r, c, cell);
			if ((w = print_width(cell)) > widths[c])
				widths[c] = w;
		}
	}
}

static size_t
line_width(const size_t *widths, size_t n)
{
	size_t sum = n == 0 ? 0 : (n - 1) * GAP;

	for (size_t c = 0; c < n; c++)
		sum += widths[c];
	return sum;
}

/* How short the first n columns can be made. */
static size_t
line_least(const struct table *t, const size_t *widths, size_t n)
{
	size_t sum = line_width(widths, n);

	for (size_t c = 0; c < n; c++)
		if (t->columns[c].shrinks && widths[c] > SHRUNK_MIN)
			sum -= widths[c] - SHRUNK_MIN;
	return sum;
}

/* Make the widest that may shrink shorter, again and again. Returns the number of columns. */
static size_t
fit(const struct table *t, size_t *widths, size_t width)
{
	size_t n = t->ncolumns;

	while (n > 1 && line_least(t, widths, n) > width)
		n--;
	while (line_width(widths, n) > width) {
		size_t widest = n;

		for (size_t c = 0; c < n; c++)
			if (t->columns[c].shrinks && widths[c] > SHRUNK_MIN &&
			    (widest == n || widths[c] > widths[widest]))
				widest = c;
		if (widest == n)
			break;
		widths[widest]--;
	}
	return n;
}

/* Bytes of the first `width` columns of `text`. */
static size_t
cut_at(const char *text, size_t width)
{
	size_t n = 0, i = 0;

	for (; text[i] != '\0'; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && n++ == width)
			break;
	return i;
}

static void
print_cell(const char *text, size_t width, bool right, bool last)
{
	size_t have = print_width(text);
	int pad = have < width ? (int)(width - have) : 0;

	if (have > width) /* what was cut says so */
		(void)printf("%.*s~", (int)cut_at(text, width - 1), text);
	else if (right)
		(void)printf("%*s%s", pad, "", text);
	else
		(void)printf("%s%*s", text, last ? 0 : pad, "");
	if (!last)
		(void)printf("%*s", GAP, "");
}

void
table_print(const struct table *t, size_t width)
{
	size_t widths[TABLE_COLUMNS_MAX], n = t->ncolumns;
	char cell[TABLE_CELL_MAX];

	measure(t, widths);
	if (width > 0)
		n = fit(t, widths, width);
	for (size_t c = 0; c < n; c++)
		print_cell(t->columns[c].title, widths[c], t->columns[c].right, c + 1 == n);
	(void)putchar('\n');
	for (size_t r = 0; r < t->nrows; r++) {
		for (size_t c = 0; c < n; c++) {
			get_cell(t, r, c, cell);
			print_cell(cell, widths[c], t->columns[c].right, c + 1 == n);
		}
		(void)putchar('\n');
	}
}
