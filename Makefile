# make                build everything into build/, laid out like an install prefix
# make check          the test command: install what is missing, build, run every test
# make demo           the main job, end to end, with a throwaway CA (as root)
# make demo-jump      the same with the bridge as an SSH jump host before a target
# make bench          measure beside haproxy and nginx (as root); T=word, BENCH_ROUNDS=n
# make bench-jump     measure as a jump host beside OpenSSH's sshd (as root); T=word, BENCH_ROUNDS=n
# make bench-crl      a CRL of ENTRIES (1,000,000) serial numbers, beside OpenSSL's X509_CRL
# make bench-map      the identity map with 10 and with 100,000 rules
# make check-asan     the same tests under AddressSanitizer and UBSan
# make check-debian13 the same tests on Debian 13, in a folder (as root)
# make fuzz           each fuzz target for FUZZ_SECONDS (10)
# make install        DESTDIR= PREFIX=/usr PAMDIR= SYSCONFDIR=/etc
# make tidy, make format-check, make lint-man, make clean
# V=1 shows commands; CC=clang, SAN=1 and BUILD=dir choose another build.

BUILD	?= build
PREFIX	?= /usr
SYSCONFDIR ?= /etc
PAMDIR	?= $(or $(shell pkg-config --variable=libdir pam 2>/dev/null),$(PREFIX)/lib)/security
FUZZ_SECONDS ?= 10
VERSION := 0.1

MAKEFLAGS += --no-builtin-rules
ifeq ($(origin CC),default)
CC := gcc
endif
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wnull-dereference -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wvla -Wundef -Wpointer-arith -Wno-missing-field-initializers
ifdef CI
WARN += -Werror
endif
ifdef WERROR
WARN += -Werror
endif
HARDEN := -fstack-protector-strong -fstack-clash-protection -fno-strict-aliasing
ifeq ($(shell uname -m),x86_64)
HARDEN += -fcf-protection=full
endif
ifdef SAN
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-DSANITIZED
LDSAN := -fsanitize=address,undefined
# It stands before crypt_r(), and calls nothing where libcrypt comes later, with a PAM module.
L_CRYPT := -Wl,--no-as-needed -lcrypt
else
OPT := -O2 -g
HARDEN += -D_FORTIFY_SOURCE=2
LDSAN :=
endif
# assert() stays on in release builds: a programming mistake must not become a verdict.
CPPFLAGS += -D_GNU_SOURCE -UNDEBUG -DVERSION='"$(VERSION)"' -I. -Ilib
CFLAGS	?=
ALL_CFLAGS = -std=c17 $(OPT) $(WARN) $(HARDEN) -MMD -MP $(CFLAGS)
LDFLAGS	?=
ALL_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDSAN) $(LDFLAGS)

pc = $(shell pkg-config --libs $(1) 2>/dev/null)
L_EVENT	  := $(call pc,libevent_core)
L_CONFUSE := $(call pc,libconfuse)
L_CRYPTO  := $(call pc,libcrypto)
L_SSL	  := $(call pc,libssl libcrypto)
L_PCRE	  := $(call pc,libpcre2-8)
L_MD	  := $(call pc,libmd)
L_SECCOMP := $(call pc,libseccomp)
L_SSH	  := $(call pc,libssh)
L_SQLITE  := $(call pc,sqlite3)
L_JANSSON := $(call pc,jansson)
L_PAM	  := -lpam

OBJ := $(BUILD)/obj

.PHONY: all
all: $(BUILD)/.deps-ok

# Plain `make` installs nothing: it names what is missing.
$(BUILD)/.deps-ok: packaging/deps
	$(Q)if command -v dpkg-query >/dev/null && ! m=$$(packaging/deps --build --list); then \
		echo "missing packages (packaging/deps installs them as root):" $$m >&2; exit 1; fi
	$(Q)mkdir -p $(@D) && touch $@

# ---- the library: what two or more programs share -------------------------------------------
LIB_OBJ := $(patsubst %.c,$(OBJ)/%.o,$(wildcard lib/*.c))
LIBA := $(OBJ)/libmtls.a
$(LIBA): $(LIB_OBJ)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(OBJ)/%.o: %.c | $(BUILD)/.deps-ok
	@echo "  CC    $<"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(PIC_$(subst /,_,$(*D))) -fPIE -c -o $@ $<

# ---- programs: name under build/, folder, what it links -------------------------------------
# tests/unit/build/test_links holds each link line against what is written here.
AREAS :=
define program
AREAS += $(2)
OBJ_$(2) := $$(patsubst %.c,$$(OBJ)/%.o,$$(wildcard $(2)/*.c))
$$(BUILD)/$(1): $$(OBJ_$(2)) $$(LIBA)
	@echo "  LD    $$@"
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) -pie $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$(OBJ_$(2)) $$(LIBA) $(3)
ifneq ($$(OBJ_$(2)),)
PROGRAMS += $(1)
endif
endef
PROGRAMS :=
$(eval $(call program,sbin/sshbridge,sshbridge/monitor,$(L_EVENT) $(L_CONFUSE) $(L_SECCOMP)))
$(eval $(call program,libexec/sshbridge/gate,sshbridge/gate,$(L_EVENT) $(L_SSL) $(L_MD) $(L_SECCOMP)))
$(eval $(call program,libexec/sshbridge/ident,sshbridge/ident,$(L_EVENT) $(L_PCRE) $(L_MD) $(L_SECCOMP)))
$(eval $(call program,libexec/sshbridge/resolve,sshbridge/resolve,$(L_SECCOMP)))
$(eval $(call program,libexec/sshbridge/log,sshbridge/log,$(L_JANSSON) $(L_SECCOMP)))
$(eval $(call program,libexec/sshbridge/load,sshbridge/load,$(L_CRYPTO) $(L_PCRE) $(L_MD) $(L_SECCOMP)))
$(eval $(call program,libexec/sshbridge/jump,sshbridge/jump,$(L_EVENT) $(L_SSH) $(L_CRYPTO) $(L_JANSSON) $(L_MD) $(L_SECCOMP)))
$(eval $(call program,libexec/sshbridge/pam,sshbridge/pam,$(L_PAM) $(L_CRYPT)))
$(eval $(call program,libexec/sshbridge/mtls-keys,sshbridge/keys,$(L_MD)))
$(eval $(call program,bin/sshbridgectl,sshbridge/ctl,$(L_JANSSON)))
$(eval $(call program,bin/mtls-connect,client,$(L_SSL)))
$(eval $(call program,bin/mtls-ca,ca-tools,$(L_CRYPTO) $(L_SQLITE) $(L_JANSSON) $(L_MD)))
all: $(addprefix $(BUILD)/,$(PROGRAMS))

# What the children are locked into: root's, when root builds or installs, even where somebody
# else has built before.
EMPTY := $(BUILD)/libexec/sshbridge/empty
ROOT := $(filter 0,$(shell id -u))
all: $(EMPTY)
$(EMPTY): $(if $(ROOT),$(if $(shell find $(EMPTY) -maxdepth 0 ! -uid 0 2>/dev/null),FORCE))
	$(Q)install -d -m 755 $(@D) && install -d -m 555 $(if $(ROOT),-o 0 -g 0) $@
.PHONY: FORCE

# The PAM module: its own objects and the few library files that it needs, compiled as PIC.
AREAS += pam_mtls
OBJ_pam_mtls := $(patsubst %.c,$(OBJ)/pic/%.o,$(wildcard pam_mtls/*.c))
PAM_LIB_OBJ := $(patsubst %,$(OBJ)/pic/lib/%.o,daemon deadline err msg msgio pamoptions sockpath text)
PAM_SO := $(BUILD)/lib/security/pam_mtls.so
$(OBJ)/pic/%.o: %.c | $(BUILD)/.deps-ok
	@echo "  CC    $< (PIC)"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -c -o $@ $<
$(PAM_SO): $(OBJ_pam_mtls) $(PAM_LIB_OBJ) pam_mtls/module.map
	@echo "  LD    $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(ALL_CFLAGS) $(ALL_LDFLAGS) $(if $(SAN),,-Wl,--no-undefined) \
		-Wl,--version-script=pam_mtls/module.map -o $@ $(OBJ_pam_mtls) $(PAM_LIB_OBJ) $(L_PAM)
ifneq ($(OBJ_pam_mtls),)
all: $(PAM_SO)
endif

# ---- unit tests: tests/unit/AREA/test_X.c sees the objects of AREA but its main.o -----------
L_TEST = $(L_EVENT) $(L_CONFUSE) $(L_SSL) $(L_PCRE) $(L_MD) $(L_SECCOMP) $(L_SQLITE) $(L_JANSSON) $(L_SSH) $(L_PAM)
TESTS :=
area_objs = $(filter-out %/main.o,$(OBJ_$(1)))
define unit
$$(BUILD)/tests/unit/$(1)/%: $$(OBJ)/tests/unit/$(1)/%.o $$(call area_objs,$(1)) $$(TEST_HELP) $$(LIBA)
	@echo "  LD    $$@"
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) -pie $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(TEST_HELP) $$(LIBA) -lcmocka $$(L_TEST)
TESTS += $$(patsubst %.c,$$(BUILD)/%,$$(wildcard tests/unit/$(1)/test_*.c))
endef
# an archive: a test is linked with what it uses, and with no library that it does not
TEST_HELP := $(BUILD)/tests/unit/help.a
$(TEST_HELP): $(patsubst %.c,$(OBJ)/%.o,$(wildcard tests/unit/help/*.c))
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
$(foreach a,lib $(AREAS),$(eval $(call unit,$(a))))
.SECONDARY:

.PHONY: test-programs check check-here check-asan check-debian13
test-programs: all $(TESTS) $(BUILD)/tests/bench/crowd

check:
	$(Q)packaging/deps
	$(Q)$(MAKE) --no-print-directory check-here
# sshd is not sanitized and cannot load a sanitized module: it gets a plain one. The sanitized one is
# loaded by the module's own tests, on the real libpam.
check-here: test-programs
	$(if $(SAN),$(Q)$(MAKE) --no-print-directory SAN= CFLAGS= BUILD=$(BUILD)/plain $(BUILD)/plain/lib/security/pam_mtls.so)
	$(Q)$(if $(SAN),PAM_MODULE=$(abspath $(BUILD))/plain/lib/security/pam_mtls.so) BUILD=$(abspath $(BUILD)) CC="$(CC)" $(if $(SAN),SAN=1) tests/run $(T)
check-asan:
	$(Q)packaging/deps
	$(Q)$(MAKE) --no-print-directory check-here CC=clang SAN=1 BUILD=build/asan
# DEBIAN13_ROOT names the folder; what is there is used again.
check-debian13:
	$(Q)packaging/deps --debian13
	$(Q)tests/debian13/run $(T)

# ---- fuzz: tests/fuzz/AREA/fuzz_X.c, seeds in tests/fuzz/corpus/X ---------------------------
FUZZ_SRC := $(wildcard tests/fuzz/*/fuzz_*.c tests/fuzz/*/*/fuzz_*.c)
FUZZ_BUILD := build/fuzz
.PHONY: fuzz fuzz-programs
fuzz:
	$(Q)packaging/deps
	$(Q)$(MAKE) --no-print-directory fuzz-programs CC=clang SAN=1 BUILD=$(FUZZ_BUILD) \
		CFLAGS="$(CFLAGS) -fsanitize=fuzzer-no-link"
	$(Q)tests/fuzz/run $(FUZZ_BUILD) $(FUZZ_SECONDS) $(T)
fuzz-programs: $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(FUZZ_SRC))
define fuzzer
$$(BUILD)/$(1)/fuzz_%: $$(OBJ)/tests/fuzz/$(1)/fuzz_%.o $$(call area_objs,$(1)) $$(LIBA)
	@echo "  LD    $$@"
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) -pie $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) $$(LIBA) $$(L_TEST)
endef
$(foreach a,lib $(AREAS),$(eval $(call fuzzer,$(a))))

# ---- the demo -------------------------------------------------------------------------------
.PHONY: demo demo-jump
demo demo-jump:
	$(Q)if [ "$$(id -u)" != 0 ]; then echo "the demo makes namespaces and starts an sshd: run 'sudo make $@'" >&2; exit 1; fi
	$(Q)packaging/deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(abspath $(BUILD)) tests/demo/$(if $(filter demo,$@),run,jump)

# what ssh-audit says of the jump host of this build (as root)
.PHONY: ssh-audit
ssh-audit: all
	$(Q)BUILD=$(abspath $(BUILD)) SSH_AUDIT_OUT=docs/ssh-audit.txt tests/integration/test_jump_audit

# ---- measuring: beside haproxy and nginx where they are ---------------------------------------
# T=word chooses what, BENCH_ROUNDS how often (tests/bench/run --help)
BENCH := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/bench/*.c))
.PHONY: bench bench-programs
bench:
	$(Q)if [ "$$(id -u)" != 0 ]; then echo "measuring makes namespaces and starts an sshd: run 'sudo make bench'" >&2; exit 1; fi
	$(Q)packaging/deps
	$(Q)packaging/deps --bench || echo "what is missing is left out" >&2
	$(Q)$(MAKE) --no-print-directory all bench-programs
	$(Q)BUILD=$(abspath $(BUILD)) tests/bench/run $(T)
bench-programs: $(BENCH)
$(BUILD)/tests/bench/%: $(OBJ)/tests/bench/%.o
	@echo "  LD    $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -pie $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(L_SSL) -lpthread

# As a jump host, beside OpenSSH's sshd as one.
.PHONY: bench-jump
bench-jump:
	$(Q)if [ "$$(id -u)" != 0 ]; then echo "measuring makes namespaces and starts an sshd: run 'sudo make bench-jump'" >&2; exit 1; fi
	$(Q)packaging/deps
	$(Q)$(MAKE) --no-print-directory all bench-programs
	$(Q)BUILD=$(abspath $(BUILD)) tests/bench/jump $(T)

# Small ones, of one library each: no peers, no namespaces, no root.
.PHONY: bench-crl bench-map
bench-crl bench-map: bench-%: $(BUILD)/tests/bench/micro/%
	$(Q)$< $(ENTRIES)
$(BUILD)/tests/bench/micro/%: $(OBJ)/tests/bench/micro/%.o $(LIBA)
	@echo "  LD    $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -pie $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBA) $(L_CRYPTO) $(L_PCRE) $(L_MD)

# ---- install --------------------------------------------------------------------------------
D = $(DESTDIR)
.PHONY: install
install: all
	install -d $(D)$(PREFIX)/sbin $(D)$(PREFIX)/bin $(D)$(PREFIX)/libexec/sshbridge $(D)$(PAMDIR)
	install -d -m 555 $(D)$(PREFIX)/libexec/sshbridge/empty
	set -e; for p in $(PROGRAMS); do install -m 755 $(BUILD)/$$p $(D)$(PREFIX)/$$p; done
	install -m 644 $(PAM_SO) $(D)$(PAMDIR)/
	install -d $(D)$(SYSCONFDIR)/sshbridge
	install -d $(D)$(PREFIX)/lib/systemd/system $(D)$(PREFIX)/lib/sysusers.d $(D)$(PREFIX)/lib/tmpfiles.d
	sed 's|@PREFIX@|$(PREFIX)|g' packaging/systemd/sshbridge.service.in >$(D)$(PREFIX)/lib/systemd/system/sshbridge.service
	chmod 644 $(D)$(PREFIX)/lib/systemd/system/sshbridge.service
	install -m 644 packaging/systemd/sshbridge.sysusers $(D)$(PREFIX)/lib/sysusers.d/sshbridge.conf
	install -m 644 packaging/systemd/sshbridge.tmpfiles $(D)$(PREFIX)/lib/tmpfiles.d/sshbridge.conf
	install -d $(D)$(PREFIX)/share/doc/sshbridge/pam.d $(D)$(PREFIX)/share/doc/sshbridge/examples
	install -m 644 packaging/pam.d/* $(D)$(PREFIX)/share/doc/sshbridge/pam.d/
	install -m 644 packaging/etc/* $(D)$(PREFIX)/share/doc/sshbridge/examples/
	install -d $(D)$(PREFIX)/share/doc/sshbridge/examples/logrotate
	install -m 644 packaging/logrotate/* $(D)$(PREFIX)/share/doc/sshbridge/examples/logrotate/
	install -m 644 README.md $(wildcard docs/*.md docs/*.json) $(D)$(PREFIX)/share/doc/sshbridge/
	set -e; for m in docs/man/*.[1-8]; do s=$${m##*.}; install -d $(D)$(PREFIX)/share/man/man$$s; \
		install -m 644 $$m $(D)$(PREFIX)/share/man/man$$s/; done

# ---- care of the sources --------------------------------------------------------------------
SOURCES = $(shell git ls-files '*.c' '*.h')
.PHONY: tidy format-check lint-man headers clean
tidy:
	clang-tidy --quiet $(filter %.c,$(SOURCES)) -- $(CPPFLAGS) -std=c17
format-check:
	clang-format --dry-run -Werror $(SOURCES)
lint-man:
	mandoc -Tlint -W error docs/man/*.[1-8]
# each header compiles alone
headers:
	$(Q)set -e; for h in $(filter %.h,$(SOURCES)); do \
		$(CC) $(CPPFLAGS) -std=c17 $(WARN) -fsyntax-only -include $$h -x c /dev/null; done
clean:
	rm -rf build

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
