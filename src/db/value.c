/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * value.c - values on their way to MySQL and back.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "db/private.h"

struct db_value
db_null(void)
{
	return (struct db_value){.kind = DB_NULL};
}

struct db_value
db_i64(int64_t value)
{
	return (struct db_value){.kind = DB_I64, .i64 = value};
}

struct db_value
db_u64(uint64_t value)
{
	return (struct db_value){.kind = DB_U64, .u64 = value};
}

struct db_value
db_bool(bool value)
{
	return db_u64(value);
}

struct db_value
db_text(const char *text)
{
	return text ? db_text_n(text, strlen(text)) : db_null();
}

struct db_value
db_text_n(const char *text, size_t length)
{
	if (!text)
		return db_null();
	return (struct db_value){.kind = DB_TEXT, .bytes = {text, length}};
}

struct db_value
db_bytes(const void *ptr, size_t length)
{
	if (!ptr)
		return db_null();
	return (struct db_value){.kind = DB_BYTES, .bytes = {ptr, length}};
}

struct db_value
db_ident(struct ident id)
{
	return (struct db_value){.kind = DB_IDENT, .ident = id};
}

struct db_value
db_ident_or_null(struct ident id)
{
	return ident_is_none(id) ? db_null() : db_ident(id);
}

struct db_value
db_decimal(struct decimal value)
{
	if (decimal_is_none(value))
		return db_null();
	return (struct db_value){.kind = DB_DECIMAL, .decimal = value};
}

struct db_value
db_sum(__int128 units)
{
	return (struct db_value){.kind = DB_SUM, .sum = units};
}

struct db_value
db_time(int64_t time_us)
{
	if (time_us == DB_NO_TIME)
		return db_null();
	return (struct db_value){.kind = DB_TIME, .i64 = time_us};
}

#define DEFINE_TO(name, type, what)                                            \
	struct db_out name(type *out)                                          \
	{                                                                      \
		return (struct db_out){.target = what, .ptr = out};            \
	}

DEFINE_TO(db_to_bool, bool, DB_TO_BOOL)
DEFINE_TO(db_to_u8, uint8_t, DB_TO_U8)
DEFINE_TO(db_to_u16, uint16_t, DB_TO_U16)
DEFINE_TO(db_to_u32, uint32_t, DB_TO_U32)
DEFINE_TO(db_to_u64, uint64_t, DB_TO_U64)
DEFINE_TO(db_to_i64, int64_t, DB_TO_I64)
DEFINE_TO(db_to_text, const char *, DB_TO_TEXT)
DEFINE_TO(db_to_ident, struct ident, DB_TO_IDENT)
DEFINE_TO(db_to_decimal, struct decimal, DB_TO_DECIMAL)
DEFINE_TO(db_to_units, int64_t, DB_TO_DECIMAL)
_Static_assert(sizeof(struct decimal) == sizeof(int64_t),
	"a struct decimal is its units");
DEFINE_TO(db_to_sum, __int128, DB_TO_SUM)
DEFINE_TO(db_to_time, int64_t, DB_TO_TIME)

struct db_out
db_to_skip(void)
{
	return (struct db_out){.target = DB_TO_SKIP};
}

struct db_out
db_to_bytes(const uint8_t **out, size_t *length)
{
	return (struct db_out){
		.target = DB_TO_BYTES, .ptr = out, .length = length};
}

struct db_out
db_to_fixed(void *out, size_t size)
{
	return (struct db_out){.target = DB_TO_FIXED, .ptr = out, .size = size};
}

/*
 * The settler binds times by the hundred thousand, and they are all of the
 * same day: its date is remembered.
 */
struct day {
	int64_t number; /* since 1970 */
	unsigned year, month, day;
};

static void
find_day(int64_t number, struct day *out)
{
	time_t seconds = number * 86400;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	*out = (struct day){number, (unsigned)tm.tm_year + 1900,
		(unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday};
}

void
time_to_mysql(int64_t time_us, MYSQL_TIME *out)
{
	static _Thread_local struct day last = {0, 1970, 1, 1};
	int64_t number = time_us / US_PER_DAY;
	int64_t rest = time_us % US_PER_DAY;
	unsigned seconds;

	if (rest < 0) {
		rest += US_PER_DAY;
		number--;
	}
	if (number != last.number)
		find_day(number, &last);
	seconds = (unsigned)(rest / US_PER_SECOND);
	*out = (MYSQL_TIME){
		.year = last.year,
		.month = last.month,
		.day = last.day,
		.hour = seconds / 3600,
		.minute = seconds / 60 % 60,
		.second = seconds % 60,
		.second_part = (unsigned long)(rest % US_PER_SECOND),
		.time_type = MYSQL_TIMESTAMP_DATETIME,
	};
}

size_t
decimal_to_mysql(int64_t units, char *out)
{
	uint64_t rest = units < 0 ? -(uint64_t)units : (uint64_t)units;
	uint64_t whole = rest / DECIMAL_ONE;
	uint32_t fraction = (uint32_t)(rest % DECIMAL_ONE);
	char reversed[DECIMAL_TEXT_MAX];
	size_t n = 0, length = 0;
	int place = DECIMAL_PLACES;

	for (; fraction != 0 && fraction % 10 == 0; fraction /= 10)
		place--;
	if (fraction != 0) {
		for (; place > 0; place--, fraction /= 10)
			reversed[n++] = (char)('0' + fraction % 10);
		reversed[n++] = '.';
	}
	do
		reversed[n++] = (char)('0' + whole % 10);
	while ((whole /= 10) != 0);
	if (units < 0)
		out[length++] = '-';
	while (n > 0)
		out[length++] = reversed[--n];
	return length;
}

int64_t
time_from_mysql(const MYSQL_TIME *time)
{
	struct tm tm = {
		.tm_year = (int)time->year - 1900,
		.tm_mon = (int)time->month - 1,
		.tm_mday = (int)time->day,
		.tm_hour = (int)time->hour,
		.tm_min = (int)time->minute,
		.tm_sec = (int)time->second,
	};

	return (int64_t)timegm(&tm) * US_PER_SECOND +
	       (int64_t)time->second_part;
}

/* What MySQL will only read is handed over without its const. */
static void *
unconst(const void *ptr)
{
	union {
		const void *from;
		void *to;
	} cast = {.from = ptr};

	return cast.to;
}

static void
bind_text(MYSQL_BIND *bind, enum enum_field_types type, const void *ptr,
	size_t length)
{
	bind->buffer_type = type;
	bind->buffer = unconst(ptr);
	bind->buffer_length = length;
	bind->length_value = length;
	bind->length = &bind->length_value;
}

void
value_bind(
	const struct db_value *value, MYSQL_BIND *bind, union scratch *scratch)
{
	*bind = (MYSQL_BIND){0};
	switch (value->kind) {
	case DB_I64:
	case DB_U64:
		scratch->u64 = value->u64;
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = &scratch->u64;
		bind->is_unsigned = value->kind == DB_U64;
		return;
	case DB_TIME:
		time_to_mysql(value->i64, &scratch->time);
		bind->buffer_type = MYSQL_TYPE_DATETIME;
		bind->buffer = &scratch->time;
		return;
	case DB_DECIMAL:
		bind_text(bind, MYSQL_TYPE_NEWDECIMAL, scratch->text,
			decimal_to_mysql(value->decimal.units, scratch->text));
		return;
	case DB_SUM:
		bind_text(bind, MYSQL_TYPE_NEWDECIMAL, scratch->text,
			decimal_format_sum(value->sum, 0, scratch->text));
		return;
	case DB_TEXT:
		bind_text(bind, MYSQL_TYPE_STRING, value->bytes.ptr,
			value->bytes.length);
		return;
	case DB_BYTES:
		bind_text(bind, MYSQL_TYPE_BLOB, value->bytes.ptr,
			value->bytes.length);
		return;
	case DB_IDENT:
		bind_text(bind, MYSQL_TYPE_BLOB, value->ident.bytes,
			sizeof(value->ident.bytes));
		return;
	case DB_NULL:
		bind->buffer_type = MYSQL_TYPE_NULL;
		return;
	case DB_END:
		break;
	}
	assert(!"a value without a kind");
}

/* ---- Back ------------------------------------------------------------- */

/* A whole number out of a column of integers, or of DECIMAL (a SUM). */
static bool
whole(const struct db_value *value, __int128 *out)
{
	switch ((int)value->kind) {
	case DB_NULL:
		*out = 0;
		return true;
	case DB_I64:
		*out = value->i64;
		return true;
	case DB_U64:
		*out = value->u64;
		return true;
	case DB_SUM:
		*out = value->sum / DECIMAL_ONE;
		return value->sum % DECIMAL_ONE == 0;
	default:
		return false;
	}
}

#define STORE_WHOLE(type, least, most)                                         \
	do {                                                                   \
		__int128 wide_;                                                \
		if (!whole(value, &wide_) || wide_ < (least) ||                \
			wide_ > (most))                                        \
			return false;                                          \
		*(type *)out->ptr = (type)wide_;                               \
		return true;                                                   \
	} while (0)

static bool
store_number(const struct db_value *value, const struct db_out *out)
{
	switch ((int)out->target) {
	case DB_TO_BOOL:
		STORE_WHOLE(bool, 0, 1);
	case DB_TO_U8:
		STORE_WHOLE(uint8_t, 0, UINT8_MAX);
	case DB_TO_U16:
		STORE_WHOLE(uint16_t, 0, UINT16_MAX);
	case DB_TO_U32:
		STORE_WHOLE(uint32_t, 0, UINT32_MAX);
	case DB_TO_U64:
		STORE_WHOLE(uint64_t, 0, UINT64_MAX);
	case DB_TO_I64:
		STORE_WHOLE(int64_t, INT64_MIN, INT64_MAX);
	default:
		return false;
	}
}

static bool
store_sum(const struct db_value *value, __int128 *out)
{
	if (value->kind == DB_SUM) {
		*out = value->sum;
		return true;
	}
	if (!whole(value, out))
		return false;
	*out *= DECIMAL_ONE;
	return true;
}

static bool
store_decimal(const struct db_value *value, struct decimal *out)
{
	__int128 wide;

	if (value->kind == DB_NULL) {
		*out = DECIMAL_NONE;
		return true;
	}
	if (!store_sum(value, &wide) || wide > INT64_MAX || wide <= INT64_MIN)
		return false;
	out->units = (int64_t)wide;
	return true;
}

static bool
store_bytes(const struct db_value *value, const struct db_out *out)
{
	bool null = value->kind == DB_NULL;
	size_t size =
		out->target == DB_TO_IDENT ? sizeof(struct ident) : out->size;

	if (!null && value->kind != DB_TEXT && value->kind != DB_BYTES)
		return false;
	switch ((int)out->target) {
	case DB_TO_TEXT:
		*(const char **)out->ptr = null ? NULL : value->bytes.ptr;
		return true;
	case DB_TO_BYTES:
		*(const uint8_t **)out->ptr = null ? NULL : value->bytes.ptr;
		*out->length = null ? 0 : value->bytes.length;
		return true;
	case DB_TO_FIXED:
	case DB_TO_IDENT:
		if (null)
			memset(out->ptr, 0, size);
		else if (value->bytes.length != size)
			return false;
		else
			memcpy(out->ptr, value->bytes.ptr, size);
		return true;
	default:
		return false;
	}
}

bool
value_store(const struct db_value *value, const struct db_out *out)
{
	switch (out->target) {
	case DB_TO_SKIP:
		return true;
	case DB_TO_TEXT:
	case DB_TO_BYTES:
	case DB_TO_FIXED:
	case DB_TO_IDENT:
		return store_bytes(value, out);
	case DB_TO_SUM:
		return store_sum(value, out->ptr);
	case DB_TO_DECIMAL:
		return store_decimal(value, out->ptr);
	case DB_TO_TIME:
		if (value->kind != DB_TIME && value->kind != DB_NULL)
			return false;
		*(int64_t *)out->ptr =
			value->kind == DB_NULL ? DB_NO_TIME : value->i64;
		return true;
	case DB_TO_BOOL:
	case DB_TO_U8:
	case DB_TO_U16:
	case DB_TO_U32:
	case DB_TO_U64:
	case DB_TO_I64:
		return store_number(value, out);
	case DB_TO_END:
		break;
	}
	return false;
}
