/* The one compiled function of the stand-in: tells which torch it was built with. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *built_with(PyObject *self, PyObject *ignored)
{
    (void)self;
    (void)ignored;
    return PyUnicode_FromString(BUILT_WITH_TORCH);
}

static PyMethodDef methods[] = {
    {"built_with", built_with, METH_NOARGS, "The version of torch at build time."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__C(void)
{
    return PyModule_Create(&module);
}
