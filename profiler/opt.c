// SPDX-License-Identifier: GPL-2.0-only
#include "opt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cmd.h"

const struct opt opt_help = { .name = "help", .letter = 'h', .help = "show this text" };

struct parse {
	const struct command *cmd;
	char **argv;
	int argc;
	char *config;
	bool look;	/* store and report nothing, leave argv as it is */
	bool help;	/* --help was seen */
};

/* How the user spelled the option, for messages: "--freq" or "-F". */
struct spelled {
	const char *dashes, *text;
	int len;
};

static int complain(const struct parse *p, const struct spelled *s, const char *what, const char *value)
{
	if (!p->look && value)
		usage_error(p->cmd, "%s%.*s %s, not '%s'", s->dashes, s->len, s->text, what, value);
	else if (!p->look)
		usage_error(p->cmd, "%s%.*s %s", s->dashes, s->len, s->text, what);
	return -EINVAL;
}

static int set_list(const struct parse *p, const struct spelled *s, struct opt_list *list,
		    const char *value)
{
	if (list->count == OPT_LIST_MAX)
		return complain(p, s, "is given too often", NULL);
	list->item[list->count++] = value;
	return 0;
}

static int set_uint(const struct parse *p, const struct spelled *s, const struct opt *opt,
		    const char *value)
{
	unsigned long max = opt->max ? opt->max : -1UL, n;
	char what[96], *end;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value >= '0' && *value <= '9' && !*end && !errno && n >= opt->min && n <= max) {
		*(unsigned long *)(p->config + opt->offset) = n;
		return 0;
	}
	if (opt->max)
		snprintf(what, sizeof(what), "wants a number from %lu to %lu", opt->min, opt->max);
	else
		snprintf(what, sizeof(what), "wants a number of %lu or more", opt->min);
	return complain(p, s, what, value);
}

static int set_choice(const struct parse *p, const struct spelled *s, const struct opt *opt,
		      const char *value)
{
	char what[256] = "wants ";
	size_t at = strlen(what);

	for (int i = 0; opt->choices[i]; i++)
		if (!strcmp(opt->choices[i], value)) {
			*(int *)(p->config + opt->offset) = i;
			return 0;
		}
	for (int i = 0; opt->choices[i] && at < sizeof(what); i++)
		at += snprintf(what + at, sizeof(what) - at, "%s%s",
			       !i ? "" : opt->choices[i + 1] ? ", " : " or ", opt->choices[i]);
	return complain(p, s, what, value);
}

static int set_value(struct parse *p, const struct spelled *s, const struct opt *opt, const char *value)
{
	char *to;

	if (opt == &opt_help)
		p->help = true;
	if (p->look || opt == &opt_help)
		return 0;
	to = p->config + opt->offset;
	switch (opt->type) {
	case OPT_FLAG:
		*(bool *)to = true;
		return 0;
	case OPT_STRING:
		*(const char **)to = value;
		return 0;
	case OPT_LIST:
		return set_list(p, s, (struct opt_list *)to, value);
	case OPT_UINT:
		return set_uint(p, s, opt, value);
	case OPT_SECONDS:
		if (units_parse_seconds(value, (double *)to))
			return complain(p, s, "wants a time such as 10, 1.5, 500ms or 2m", value);
		if (opt->min && *(double *)to <= 0)
			return complain(p, s, "wants more than no time", value);
		return 0;
	case OPT_CHOICE:
		return set_choice(p, s, opt, value);
	}
	return -EINVAL;
}

static int lacks_value(const struct parse *p, const struct spelled *s, const struct opt *opt)
{
	char what[96];

	snprintf(what, sizeof(what), "needs a value%s%s", opt->metavar ? ": " : "", opt->metavar ?: "");
	return complain(p, s, what, NULL);
}

/*
 * The option of this name or of this beginning. NULL: none, or several (*two is then another one).
 */
static const struct opt *find_long(const struct command *cmd, const char *name, size_t len,
				   const struct opt **one, const struct opt **two)
{
	const struct opt *found = NULL, *other = NULL;

	for (const struct opt *o = cmd->opts; o; o = o == &opt_help ? NULL : o + 1) {
		if (!o->name)
			o = &opt_help;
		if (strncmp(o->name, name, len))
			continue;
		if (!o->name[len])
			return o;
		other = found;
		found = o;
	}
	*one = found;
	*two = other;
	return other ? NULL : found;
}

static const struct opt *find_short(const struct command *cmd, char letter)
{
	for (const struct opt *o = cmd->opts; o->name; o++)
		if (o->letter == letter)
			return o;
	return letter == opt_help.letter ? &opt_help : NULL;
}

/* Both return the number of words the option took, or -EINVAL, reported. */
static int parse_long(struct parse *p, int i)
{
	const char *name = p->argv[i] + 2, *value = strchr(name, '=');
	const struct spelled s = { "--", name, value ? value - name : (int)strlen(name) };
	const struct opt *one, *two, *opt = find_long(p->cmd, name, s.len, &one, &two);
	char what[128];
	int words = 1;

	if (!opt && one) {
		snprintf(what, sizeof(what), "may mean --%s or --%s", two->name, one->name);
		return complain(p, &s, what, NULL);
	}
	if (!opt)
		return complain(p, &s, "is not an option", NULL);
	if (value && opt->type == OPT_FLAG)
		return complain(p, &s, "takes no value", NULL);
	if (value)
		value++;
	else if (opt->optional)
		value = opt->choices[0];
	else if (opt->type != OPT_FLAG) {
		if (i + 1 >= p->argc)
			return lacks_value(p, &s, opt);
		value = p->argv[i + words++];
	}
	return set_value(p, &s, opt, value) ?: words;
}

static int parse_short(struct parse *p, int i)
{
	for (const char *c = p->argv[i] + 1; *c; c++) {
		const struct opt *opt = find_short(p->cmd, *c);
		const struct spelled s = { "-", c, 1 };
		int err;

		if (!opt)
			return complain(p, &s, "is not an option", NULL);
		if (opt->type != OPT_FLAG) {
			if (c[1])
				return set_value(p, &s, opt, c + 1) ?: 1;
			if (i + 1 >= p->argc)
				return lacks_value(p, &s, opt);
			return set_value(p, &s, opt, p->argv[i + 1]) ?: 2;
		}
		err = set_value(p, &s, opt, NULL);
		if (err)
			return err;
	}
	return 1;
}

/* Bring words [i, i + n) before the operands that begin at first. */
static void move_before(char **argv, int first, int i, int n)
{
	char *words[2] = { argv[i], n > 1 ? argv[i + 1] : NULL };

	memmove(argv + first + n, argv + first, (i - first) * sizeof(*argv));
	memcpy(argv + first, words, n * sizeof(*argv));
}

static int parse_words(struct parse *p)
{
	bool subject = false;
	int first = 1;

	for (int i = 1, n; i < p->argc; i += n) {
		const char *word = p->argv[i];
		bool end = !strcmp(word, "--");

		n = 1;
		if (word[0] != '-' || !word[1]) {
			if (p->cmd->program && (!p->cmd->subject || subject))
				break;
			subject = true;
			continue;
		}
		if (!end)
			n = word[1] == '-' ? parse_long(p, i) : parse_short(p, i);
		if (n < 0 && !p->look)
			return -1;
		if (n < 0)
			n = 1;
		if (!p->look) {
			move_before(p->argv, first, i, n);
			first += n;
		}
		if (end)
			break;
	}
	return first;
}

int opt_parse(const struct command *cmd, int argc, char **argv, void *config)
{
	struct parse p = { .cmd = cmd, .argc = argc, .argv = argv, .config = config };

	return parse_words(&p);
}

bool opt_wants_help(const struct command *cmd, int argc, char **argv)
{
	struct parse p = { .cmd = cmd, .argc = argc, .argv = argv, .look = true };

	parse_words(&p);
	return p.help;
}
