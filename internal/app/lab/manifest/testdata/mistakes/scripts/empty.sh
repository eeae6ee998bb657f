#!/bin/bash

# nothing to do yet
