#!/bin/bash
test -e ~/x
