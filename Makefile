# Orowan: `make` builds, `make test` tests, `make demo` shows. `make help` lists the rest.
# Sources are found by wildcard: a new .c under csrc/ is built, a new csrc/lua/NAME.c is
# registered (its ow_open_NAME becomes orowan.core.NAME), a *.simd.c is built once per ISA.

B ?= build
PREFIX ?= /usr/local
LUA ?= lua5.4
CC ?= cc
PKG_CONFIG ?= pkg-config

UNAME_S := $(shell uname -s)
UNAME_M := $(shell uname -m)

# ---- libraries ---------------------------------------------------------------------------
# Goals that compile here and now; the others work on a bare machine.
NEEDS_LIBS := $(filter-out deps deps-notebooks clean help packages env demo test sanitize lint,$(or $(MAKECMDGOALS),all))
pc = $(firstword $(foreach n,$(1),$(if $(shell $(PKG_CONFIG) --exists $(n) 2>/dev/null && echo y),$(n))))

LUA_PC    := $(call pc,lua5.4 lua54 lua-5.4)
PNG_PC    := $(call pc,libpng libpng16)
FFTW_PC   := $(call pc,fftw3)
FFTWF_PC  := $(call pc,fftw3f)
HDF5_PC   := $(call pc,hdf5-serial hdf5)
EDIT_PC   := $(call pc,libedit)
KIM_PC    := $(call pc,libkim-api)

# The OpenMP build of OpenBLAS is named explicitly: installing it does not select it.
BLAS_DIR  := $(firstword $(wildcard /usr/lib/$(UNAME_M)-linux-gnu/openblas-openmp /usr/lib64/openblas-openmp))
ifneq ($(BLAS_DIR),)
BLAS_CFLAGS := -I$(firstword $(wildcard /usr/include/$(UNAME_M)-linux-gnu/openblas-openmp) $(BLAS_DIR))
BLAS_LIBS   := -L$(BLAS_DIR) -lopenblas -Wl,-rpath,$(BLAS_DIR)
else
BLAS_PC   := $(call pc,openblas-openmp openblaso openblas)
BLAS_CFLAGS := $(if $(BLAS_PC),$(shell $(PKG_CONFIG) --cflags $(BLAS_PC)))
BLAS_LIBS   := $(if $(BLAS_PC),$(shell $(PKG_CONFIG) --libs $(BLAS_PC)))
endif

ifeq ($(HDF5_PC),)
H5CC := $(firstword $(shell command -v h5cc h5cc-serial 2>/dev/null))
HDF5_CFLAGS := $(if $(H5CC),$(filter -I% -D%,$(shell $(H5CC) -show)))
HDF5_LIBS   := $(if $(H5CC),$(filter -L% -l%,$(shell $(H5CC) -show)) -lhdf5)
else
HDF5_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(HDF5_PC))
HDF5_LIBS   := $(shell $(PKG_CONFIG) --libs $(HDF5_PC))
endif

need = $(if $(strip $(2)),,$(error $(1) was not found. Install it (`make deps`, or on Debian: apt-get install $(3))))
ifneq ($(NEEDS_LIBS),)
$(call need,Lua 5.4 (headers),$(LUA_PC)$(LUA_INCDIR),liblua5.4-dev)
$(call need,OpenBLAS (OpenMP build),$(BLAS_LIBS),libopenblas-openmp-dev)
$(call need,FFTW 3 (double and single),$(and $(FFTW_PC),$(FFTWF_PC)),libfftw3-dev)
$(call need,HDF5,$(HDF5_LIBS),libhdf5-dev)
$(call need,libpng,$(PNG_PC),libpng-dev)
$(call need,libedit,$(EDIT_PC),libedit-dev)
endif

PCS := $(LUA_PC) $(PNG_PC) $(FFTW_PC) $(FFTWF_PC) $(EDIT_PC)
LIB_CFLAGS := $(if $(strip $(PCS)),$(shell $(PKG_CONFIG) --cflags $(PCS) 2>/dev/null)) $(if $(LUA_INCDIR),-I$(LUA_INCDIR)) $(BLAS_CFLAGS) $(HDF5_CFLAGS)
CORE_LIBS  := $(shell $(PKG_CONFIG) --libs $(PNG_PC) $(FFTW_PC) $(FFTWF_PC) $(EDIT_PC) 2>/dev/null) $(BLAS_LIBS) $(HDF5_LIBS) -lm -ldl -lpthread
LUA_LIBS   := $(if $(LUA_PC),$(shell $(PKG_CONFIG) --libs $(LUA_PC)),-llua)

# ---- flags -------------------------------------------------------------------------------
VERSION := 0.1.0
OPT     ?= -O3
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wvla -Wno-psabi $(if $(WERROR)$(CI),-Werror)
CFLAGS_ALL = -std=gnu11 $(OPT) -g -ffp-contract=off -fno-math-errno -fno-trapping-math -fwrapv -fPIC -fopenmp \
  -fvisibility=default $(WARN) -Icsrc -I$(B)/gen $(LIB_CFLAGS) -DOW_VERSION='"$(VERSION)"' $(SANFLAGS) $(CFLAGS)
LDFLAGS_ALL = -fopenmp $(SANFLAGS) $(LDFLAGS)

ifneq ($(filter x86_64 amd64,$(UNAME_M)),)
ISAS := base avx2 avx512
else ifneq ($(filter aarch64 arm64,$(UNAME_M)),)
ISAS := neon
else
ISAS := base
endif
ISA_base   :=
ISA_neon   :=
ISA_avx2   := -mavx2 -mfma -mf16c -mbmi -mbmi2
ISA_avx512 := $(ISA_avx2) -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512cd -mprefer-vector-width=512

# ---- sources -----------------------------------------------------------------------------
ALL_C    := $(shell find csrc -name '*.c' -not -path 'csrc/fuzz/*' -not -path 'csrc/modules/*' | LC_ALL=C sort)
SIMD_C   := $(filter %.simd.c,$(ALL_C))
MAIN_C   := csrc/lua/main.c
CORE_C   := $(filter-out $(SIMD_C) $(MAIN_C),$(ALL_C))
LUA_MODS := $(filter-out core owlua main,$(patsubst csrc/lua/%.c,%,$(filter csrc/lua/%.c,$(CORE_C))))
CORE_O   := $(CORE_C:csrc/%.c=$(B)/obj/%.o) $(foreach i,$(ISAS),$(SIMD_C:csrc/%.simd.c=$(B)/obj/%.$(i).o))
MAIN_O   := $(B)/obj/lua/main.o

# Modules that are built when their library is there.
OPTIONAL := $(if $(KIM_PC),$(B)/lib/orowan/kim.so)

.PHONY: all test demo deps deps-notebooks packages install env clean help sanitize fuzz simd-test lint
all: $(B)/bin/orowan $(B)/lib/orowan/core.so $(OPTIONAL)

$(B)/bin/orowan: $(MAIN_O) $(CORE_O)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -Wl,-E -o $@ $^ $(LUA_LIBS) $(CORE_LIBS)

# nodelete: stock Lua unloads modules at exit, and the OpenMP threads must not lose their code.
$(B)/lib/orowan/core.so: $(CORE_O)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -shared -Wl,-z,nodelete -o $@ $^ $(CORE_LIBS)

$(B)/lib/orowan/kim.so: csrc/modules/kim.c $(B)/gen/flags
	@mkdir -p $(@D) $(B)/obj/modules
	$(CC) $(CFLAGS_ALL) $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(KIM_PC) 2>/dev/null)) $(LDFLAGS_ALL) -shared -Wl,-z,nodelete -MMD -MP -MF $(B)/obj/modules/kim.d -o $@ $< $(shell $(PKG_CONFIG) --libs $(KIM_PC) 2>/dev/null)

$(B)/obj/%.o: csrc/%.c $(B)/gen/modules.h $(B)/gen/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define isa_rule
$(B)/obj/%.$(1).o: csrc/%.simd.c $(B)/gen/flags
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS_ALL) $$(ISA_$(1)) -DOW_ISA=$(1) -DOW_ISA_$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

# Lists rewritten only when they change, so that nothing is rebuilt for no reason.
$(B)/gen/modules.h: FORCE
	@mkdir -p $(@D)
	@for m in $(LUA_MODS); do echo "OW_MODULE($$m)"; done > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
# The .cl files as string literals, for program.c.
$(B)/gen/cl_sources.h: $(wildcard csrc/opencl/*.cl)
	@mkdir -p $(@D)
	@awk 'FNR == 1 { name = FILENAME; sub(/.*\//, "", name); sub(/\.cl$$/, "", name); \
	  if (NR > 1) print "},"; printf "{\"%s\",\n", name } \
	  { gsub(/\\/, "&&"); gsub(/"/, "\\\""); print "\"" $$0 "\\n\"" } END { print "}," }' $^ > $@
$(B)/obj/opencl/program.o: $(B)/gen/cl_sources.h
$(B)/gen/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS_ALL))' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

clean:
	rm -rf $(B)

# ---- what a newcomer types ---------------------------------------------------------------
# Libraries are looked for when make starts, so these call make again once `deps` has run.
DEMO_OUT ?= $(B)/demo

demo:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@rm -rf $(DEMO_OUT)
	$(B)/bin/orowan run avalanches --out $(DEMO_OUT)
	@echo; echo "Figures:"; ls $(DEMO_OUT)/*.png | sed 's/^/  /'; echo "Report:"; echo "  $(DEMO_OUT)/report.html"

test:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory spec

# The specs alone. SPEC=spec/json_spec.lua picks one, BUSTED_FLAGS goes to busted.
SPEC ?= spec
BUSTED = $(LUA) $$(command -v busted) $(BUSTED_FLAGS)
.PHONY: spec
spec: all
	OMP_WAIT_POLICY=passive $(BUSTED) $(SPEC)

# The reference, from the annotations: open $(B)/docs/index.html.
.PHONY: docs
docs: all
	$(B)/bin/orowan docs $(B)/docs

# The notebooks by Debian's nbclient: run and compared with what they hold, or run and stored.
NB_PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
NOTEBOOK ?= notebooks/*.ipynb
.PHONY: notebooks notebooks-check
notebooks-check: all
	OMP_WAIT_POLICY=passive $(NB_PYTHON) spec/jupyter/notebooks.py check $(B)/bin/orowan $(NOTEBOOK)
notebooks: all
	OMP_WAIT_POLICY=passive $(NB_PYTHON) spec/jupyter/notebooks.py store $(B)/bin/orowan $(NOTEBOOK)

# A picture of a notebook in a real browser, to be looked at (needs jupyter-notebook, chromium).
SHOT ?= $(B)/notebook.png
.PHONY: notebook-screenshot
notebook-screenshot: all
	$(NB_PYTHON) spec/jupyter/browser.py $(B)/bin/orowan notebooks/first_hour.ipynb $(SHOT)

# The kernel specs at every SIMD level that this machine has.
SIMD_SPEC ?= $(wildcard $(foreach s,ops reduce backend sort random linalg depinning stats conv nn_kernels gradcheck winograd geometry snap density_map,spec/$(s)_spec.lua))
SIMD_HAVE = $(foreach i,$(ISAS),$(if $(shell OROWAN_SIMD=$(i) $(B)/bin/orowan -e 'require "orowan"' >/dev/null 2>&1 && echo y),$(i)))
simd-test: all
	@set -e; for level in $(SIMD_HAVE); do echo "OROWAN_SIMD=$$level"; \
	  OROWAN_SIMD=$$level OMP_WAIT_POLICY=passive $(BUSTED) --exclude-tags=slow $(SIMD_SPEC); done

# Everything under AddressSanitizer, LeakSanitizer and UBSan; the program itself runs the
# specs, because a plain lua5.4 cannot load a sanitised library. Tag "#slow" is left out.
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_SPEC ?= spec
sanitize:
	@$(MAKE) --no-print-directory B=build/san OPT=-O1 SANFLAGS='$(SAN)' build/san/bin/orowan
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 LSAN_OPTIONS=suppressions=spec/lsan.supp:print_suppressions=0 \
	OMP_WAIT_POLICY=passive build/san/bin/orowan $$(command -v busted) --ignore-lua --exclude-tags=slow $(BUSTED_FLAGS) $(SAN_SPEC)

lint:
	luacheck -q lua spec examples

# ---- packages ----------------------------------------------------------------------------
DEBIAN := gcc make pkg-config lua5.4 liblua5.4-dev lua-busted luarocks libopenblas-openmp-dev libfftw3-dev \
  libhdf5-dev libpng-dev libedit-dev gnuplot-nox fonts-liberation ffmpeg ocl-icd-libopencl1 pocl-opencl-icd libzmq5
FEDORA := gcc make pkgconf-pkg-config lua lua-devel luarocks openblas-devel openblas-openmp fftw-devel hdf5-devel \
  libpng-devel libedit-devel gnuplot liberation-fonts ffmpeg-free ocl-icd pocl zeromq
BREW   := lua luarocks pkg-config openblas fftw hdf5 libpng libedit gnuplot ffmpeg libomp zeromq

# What only the tests of the notebooks need; they are skipped without it. WITH="$(NOTEBOOKS)".
NOTEBOOKS := python3-jupyter-client python3-nbclient
WITH ?=

packages:
	@echo $(DEBIAN)

deps:
	@if command -v apt-get >/dev/null; then \
	  missing=; for p in $(DEBIAN) $(WITH); do \
	    dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	  if [ -n "$$missing" ]; then echo "Installing:$$missing"; \
	    sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	    $$sudo apt-get update -q && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi; \
	elif command -v dnf >/dev/null; then \
	  echo "Fedora (untested). Install these, then run make again:"; echo "  sudo dnf install $(FEDORA)"; echo "  luarocks install --lua-version 5.4 busted"; \
	elif command -v brew >/dev/null; then \
	  echo "macOS (untested). Install these, then run make again:"; echo "  brew install $(BREW)"; echo "  luarocks install busted"; \
	else echo "Unknown system (untested). Orowan needs what these Debian packages hold:"; echo "  $(DEBIAN)"; fi

deps-notebooks:
	@$(MAKE) --no-print-directory deps WITH="$(NOTEBOOKS)"

# ---- fuzzing -----------------------------------------------------------------------------
# Our own driver by default (any gcc; coverage-guided); FUZZER=clang uses libFuzzer instead.
# FUZZ_SECONDS for each target, FUZZ_SEED, FUZZ_TARGETS="json table png ions h5".
FUZZ_SECONDS ?= 20
FUZZ_SEED    ?= 1
FUZZ_TARGETS ?= json table png ions h5
FUZZ_DIR     := $(B)/fuzz
FUZZ_SAN     := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_BASE    := $(filter-out %.simd.c,$(wildcard csrc/base/*.c))
FUZZ_O       := $(patsubst csrc/%.c,$(FUZZ_DIR)/%.o,$(FUZZ_BASE) $(wildcard csrc/io/*.c csrc/fuzz/*.c))
FUZZ_COMMON  := $(filter-out %/driver.o %/libfuzzer.o,$(FUZZ_O))
FUZZ_LIBS     = $(shell $(PKG_CONFIG) --libs $(PNG_PC)) -lz $(BLAS_LIBS) $(HDF5_LIBS) -lm -lpthread
ifeq ($(FUZZER),clang)
FUZZ_CLANG := $(B)/fuzz-clang
fuzz: $(FUZZ_DIR)/driver
	@set -e; for t in $(filter-out h5,$(FUZZ_TARGETS)); do mkdir -p $(FUZZ_CLANG)/corpus-$$t; \
	  clang -std=gnu11 -g $(FUZZ_SAN) -fsanitize=fuzzer -fopenmp -Wno-everything -Icsrc $(LIB_CFLAGS) -DOW_VERSION='"$(VERSION)"' -DOW_FUZZ_TARGET=fuzz_$$t \
	    -o $(FUZZ_CLANG)/$$t $(FUZZ_BASE) csrc/io/*.c csrc/fuzz/libfuzzer.c csrc/fuzz/$$t.c $(FUZZ_LIBS); \
	  $(FUZZ_DIR)/driver --seeds $$t $(FUZZ_CLANG)/corpus-$$t; \
	  $(FUZZ_CLANG)/$$t -max_total_time=$(FUZZ_SECONDS) -seed=$(FUZZ_SEED) -max_len=65536 -timeout=20 -verbosity=0 -artifact_prefix=$(FUZZ_CLANG)/ $(FUZZ_CLANG)/corpus-$$t; \
	  echo "$$t: done"; done
else
fuzz: $(FUZZ_DIR)/driver
	@cd $(FUZZ_DIR) && ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=2048 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/spec/lsan.supp:print_suppressions=0 OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 \
	OPENBLAS_NUM_THREADS=1 ./driver -s $(FUZZ_SECONDS) -r $(FUZZ_SEED) $(FUZZ_TARGETS)
endif
$(FUZZ_DIR)/driver: $(FUZZ_COMMON) $(FUZZ_DIR)/fuzz/driver.o
	$(CC) $(FUZZ_SAN) -fopenmp -o $@ $^ $(FUZZ_LIBS)
$(FUZZ_DIR)/io/%.o: FUZZ_COV := -fsanitize-coverage=trace-pc
$(FUZZ_DIR)/%.o: csrc/%.c $(B)/gen/modules.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g $(FUZZ_SAN) $(FUZZ_COV) -ffp-contract=off -fopenmp $(WARN) -Icsrc -I$(B)/gen $(LIB_CFLAGS) -DOW_VERSION='"$(VERSION)"' -MMD -MP -c -o $@ $<
-include $(wildcard $(FUZZ_DIR)/*/*.d)

# ---- install -----------------------------------------------------------------------------
# LuaRocks sets the four INST_ variables. Examples and models go beside the Lua files, where
# every way of installing finds them.
INST_BINDIR ?= $(PREFIX)/bin
INST_LUADIR ?= $(PREFIX)/share/lua/5.4
INST_LIBDIR ?= $(PREFIX)/lib/lua/5.4
install: all
	install -d $(DESTDIR)$(INST_BINDIR) $(DESTDIR)$(INST_LIBDIR)/orowan
	install -m 755 $(B)/bin/orowan $(DESTDIR)$(INST_BINDIR)/orowan
	install -m 755 $(B)/lib/orowan/core.so $(OPTIONAL) $(DESTDIR)$(INST_LIBDIR)/orowan
	@set -e; put() { install -d "$(DESTDIR)$(INST_LUADIR)/$$(dirname "$$2")"; install -m 644 "$$1" "$(DESTDIR)$(INST_LUADIR)/$$2"; }; \
	for f in $$(cd lua && find orowan -name '*.lua'); do put lua/$$f $$f; done; \
	for f in $$(find examples models spec/bench -type f 2>/dev/null); do put $$f orowan/home/$$f; done

env:
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(B)/lib/?.so;;"'

help:
	@echo 'make            build build/bin/orowan and the Lua module'
	@echo 'make demo       install what is missing, build, run the flagship recipe'
	@echo 'make test       install what is missing, build, run all specs'
	@echo 'make spec SPEC=spec/json_spec.lua   one spec, nothing installed'
	@echo 'make sanitize | fuzz | simd-test    specs under sanitizers, fuzzed parsers, every SIMD level'
	@echo 'make notebooks-check | notebooks    run the notebooks and compare | store their outputs'
	@echo 'make docs       the reference as HTML: build/docs/index.html'
	@echo 'make deps       install the packages (Debian) or name them'
	@echo 'make install PREFIX=/usr/local'
	@echo 'make env        print LUA_PATH and LUA_CPATH for a plain lua5.4'
